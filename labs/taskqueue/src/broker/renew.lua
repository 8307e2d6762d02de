-- A sign of life: the leases of these tags begin anew.
-- KEYS unacked_index, unacked_eta   ARGV tags      A tag that is gone stays gone, a parked one keeps its ETA.
-- ZREM comes first: at `maxmemory` a script may write once it has begun to free, and nothing has an empty tag.
redis.call('ZREM', KEYS[1], '')
local time = redis.call('TIME')
local now = string.format('%d.%06d', time[1], time[2])
for _, tag in ipairs(ARGV) do
  if not redis.call('ZSCORE', KEYS[2], tag) then
    redis.call('ZADD', KEYS[1], 'XX', now, tag)
  end
end
return redis.status_reply('OK')
