-- Gives messages that were put aside another chance.
-- Before: each entry stands in `<queue>.dead`.  After: its message stands in its list as if it had just been sent, and
-- whoever waits for its result waits again: the FAILURE that told of its end is gone. An entry without a message goes
-- from the tail to the head of the dead list, so that the next page at the tail is another one.
-- KEYS dead list, then for each: list, result   ARGV for each: entry, message or ''      Reply: how many were sent back.
local sent = 0
for i = 1, #ARGV, 2 do
  local entry, message, list, result = ARGV[i], ARGV[i + 1], KEYS[i + 1], KEYS[i + 2]
  local is_last = redis.call('LINDEX', KEYS[1], -1) == entry
  if message == '' then
    if is_last then
      redis.call('LMOVE', KEYS[1], KEYS[1], 'RIGHT', 'LEFT')
    end
  elseif (is_last and redis.call('RPOP', KEYS[1])) or redis.call('LREM', KEYS[1], 1, entry) == 1 then
    sent = sent + 1
    redis.call('LPUSH', list, message)
    local old = redis.pcall('GET', result)
    if type(old) == 'string' and string.sub(old, 1, 21) == '{"status": "FAILURE",' then
      redis.call('DEL', result)
    end
  end
end
return sent
