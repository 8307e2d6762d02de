-- Gives a message that was put aside another chance.
-- Before: the entry stands in `<queue>.dead`.  After: its message stands in the list as if it had just been sent, and
-- whoever waits for its result waits again: the FAILURE that told of its end is gone.
-- KEYS dead list, list, result   ARGV entry, message      Reply: 1 where it was sent back; 0 where somebody else was first.
local removed = redis.call('LREM', KEYS[1], 1, ARGV[1])
if removed == 1 then
  redis.call('LPUSH', KEYS[2], ARGV[2])
  local old = redis.pcall('GET', KEYS[3])
  if type(old) == 'string' and string.sub(old, 1, 21) == '{"status": "FAILURE",' then
    redis.call('DEL', KEYS[3])
  end
end
return removed
