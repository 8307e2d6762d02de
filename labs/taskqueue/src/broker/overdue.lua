-- Looks up what has stood in a sorted set of tags for `age` seconds or longer; changes nothing.
-- KEYS sorted set, unacked   ARGV age, offset, limit
-- Reply: {now, score of the next one that is not yet overdue or '', tag, score, entry, tag, score, entry, ...}
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local latest = string.format('%.6f', now - tonumber(ARGV[1]))
local next_one = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. latest, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
local reply = {string.format('%.6f', now), next_one[2] or ''}
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', latest, 'WITHSCORES', 'LIMIT', ARGV[2], ARGV[3])
for i = 1, #found, 2 do
  reply[#reply + 1] = found[i]
  reply[#reply + 1] = found[i + 1]
  reply[#reply + 1] = redis.call('HGET', KEYS[2], found[i]) or ''
end
return reply
