-- Notes that the run of a delivery begins: if its worker falls from now on, the entry tells that it had begun.
-- Before: the tag stands in `unacked`, perhaps parked.  After: the entry counts this run, and is leased from now on.
-- KEYS unacked, unacked_index, unacked_eta   ARGV tag, entry      Reply: 1 where nobody has put it back meanwhile.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  return 0
end
-- ZREM comes first: at `maxmemory` a script may write once it has begun to free.
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], string.format('%d.%06d', time[1], time[2]), ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
