-- Ends deliveries: result and acknowledgement in one step, many at a time.
-- Before: each tag stands in `unacked`.  After: it does not, and its result is stored and announced.
-- KEYS unacked, unacked_index, then each result's key   ARGV for each: tag ('' is none), result ('' is none), seconds to keep it
-- Reply: for each, 1 where the tag was still ours.
-- ZREM comes first: at `maxmemory` a script may write once it has begun to free, and nothing has an empty tag.
-- A result without an acknowledgement, as after an early one, would be refused otherwise, and all that follow it.
redis.call('ZREM', KEYS[2], '')
local reply = {}
for i = 3, #KEYS do
  local at = (i - 3) * 3
  local tag, result, ttl = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local held = 0
  if tag ~= '' then
    held = redis.call('HDEL', KEYS[1], tag)
    redis.call('ZREM', KEYS[2], tag)
  end
  if result ~= '' then
    -- As in Celery, a success stands: a second run of the same task can't take it back.
    local old = redis.pcall('GET', KEYS[i])
    if type(old) ~= 'string' or string.sub(old, 1, 21) ~= '{"status": "SUCCESS",' then
      redis.call('SETEX', KEYS[i], ttl, result)
      redis.call('PUBLISH', KEYS[i], result)
    end
  end
  reply[#reply + 1] = held
end
return reply
