-- Puts a message back where the next worker takes it.
-- Before: the tag stands in `unacked`.  After: the message stands at the end of its list from which workers take.
-- KEYS unacked, unacked_index, unacked_eta, list   ARGV tag, message, latest score (a lease renewed since is left alone; '' is any)
-- Reply: 1 where it was put back; 0 where somebody else was first.
local score = redis.call('ZSCORE', KEYS[2], ARGV[1])
if ARGV[3] ~= '' and score and tonumber(score) > tonumber(ARGV[3]) then
  return 0
end
local held = redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if held == 1 then
  redis.call('RPUSH', KEYS[4], ARGV[2])
end
return held
