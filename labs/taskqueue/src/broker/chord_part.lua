-- Tells a chord that one of its members has ended, in the form in which Celery's workers tell it.
-- Before: the member's own result is stored.  After: its part is counted, once. Whoever completes the count may send
-- the body, for as long as its claim lasts; a claim that ran out is the next caller's.
-- KEYS .j, .d, .t, .s, .c, the group's structure   ARGV part, its name in .d, place, claim, seconds of the claim, seconds to keep all
-- Reply: {'waiting'}; {'done'}; {'claimed elsewhere'}; {'unreadable'}; or {'claimed', structure or '', part, part, ...}
local parts, counted, added, size, claim = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if redis.call('GET', claim) == 'done' then
  return {'done'}
end
-- Celery can be told to count in a list (`result_chord_ordered`); the two forms can't be mixed.
local kind = redis.call('TYPE', parts)['ok']
if kind ~= 'zset' and kind ~= 'none' then
  return {'unreadable'}
end
if redis.call('SADD', counted, ARGV[2]) == 1 then
  redis.call('ZADD', parts, ARGV[3], ARGV[1])
end
for _, key in ipairs({parts, counted, added, size, KEYS[6]}) do
  redis.call('EXPIRE', key, ARGV[6])
end
local total = redis.call('GET', size)
if not total or redis.call('ZCARD', parts) ~= tonumber(total) + tonumber(redis.call('GET', added) or 0) then
  return {'waiting'}
end
if not redis.call('SET', claim, ARGV[4], 'NX', 'EX', ARGV[5]) and redis.call('GET', claim) ~= ARGV[4] then
  return {'claimed elsewhere'}
end
local reply = {'claimed', redis.call('GET', KEYS[6]) or ''}
for _, part in ipairs(redis.call('ZRANGE', parts, 0, -1)) do
  reply[#reply + 1] = part
end
return reply
