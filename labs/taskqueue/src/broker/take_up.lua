-- Takes a parked task up again before its time, for the worker that has parked it.
-- Before: the tag stands in `unacked` and waits.  After: it stands there as leased from now on.
-- KEYS unacked, unacked_index, unacked_eta   ARGV tag      Reply: 1 where nobody has put it back meanwhile.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  return 0
end
-- ZREM comes first: at `maxmemory` a script may write once it has begun to free.
redis.call('ZREM', KEYS[3], ARGV[1])
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], string.format('%d.%06d', time[1], time[2]), ARGV[1])
return 1
