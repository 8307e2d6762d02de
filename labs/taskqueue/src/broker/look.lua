-- Looks at a queue and at what workers hold, as they stand at one moment; changes nothing.
-- KEYS unacked, unacked_index, unacked_eta, unacked_published, dead list, then the lists, the most urgent first
-- ARGV how many of each at most; bytes of the longest text that is handed out; two messages that were once the newest
-- Reply: {{now, {length of each list}, {messages, the next to be taken first}, the newest of the first list,
--   for each of those two 1 where it is seen to wait there, length of unacked}, {{tag, sign of life, entry, ...},
--   number of parked, {tag, eta, entry, ...}, length of the dead list, {its newest}, {delivery tag, time, ...}}}
local most, longest = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')

-- A text that is too long is left out, so that no answer is: it still counts.
local function short(text)
  return text and #text <= longest and text or ''
end

local lengths, next_ones = {}, {}
for i = 6, #KEYS do
  lengths[#lengths + 1] = redis.call('LLEN', KEYS[i])
  local room = most - #next_ones
  local found = room > 0 and redis.call('LRANGE', KEYS[i], -room, -1) or {}
  for j = #found, 1, -1 do
    next_ones[#next_ones + 1] = short(found[j])
  end
end

-- Near either end only: to search a whole list takes as long as it is.
local function waits(message)
  if message == '' then
    return 0
  end
  local found = redis.call('LPOS', KEYS[6], message, 'MAXLEN', 2000)
    or redis.call('LPOS', KEYS[6], message, 'RANK', -1, 'MAXLEN', 2000)
  return found and 1 or 0
end

local function entries(key, count, skip)
  local reply, tags = {}, redis.call('ZRANGE', key, 0, count - 1, 'WITHSCORES')
  for i = 1, #tags, 2 do
    if not (skip and redis.call('ZSCORE', skip, tags[i])) then
      reply[#reply + 1] = tags[i]
      reply[#reply + 1] = tags[i + 1]
      reply[#reply + 1] = short(redis.call('HGET', KEYS[1], tags[i]))
    end
  end
  return reply
end

local dead = redis.call('LRANGE', KEYS[5], 0, most - 1)
for i, entry in ipairs(dead) do
  dead[i] = short(entry)
end
return {{
  string.format('%d.%06d', time[1], time[2]), lengths, next_ones, short(redis.call('LINDEX', KEYS[6], 0)),
  {waits(ARGV[3]), waits(ARGV[4])}, redis.call('HLEN', KEYS[1])}, {
  entries(KEYS[2], 2 * most, KEYS[3]), redis.call('ZCARD', KEYS[3]), entries(KEYS[3], most),
  redis.call('LLEN', KEYS[5]), dead, redis.call('ZREVRANGE', KEYS[4], 0, most - 1, 'WITHSCORES')}}
