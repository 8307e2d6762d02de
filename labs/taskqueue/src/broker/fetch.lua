-- Hands out up to `count` messages, each under a tag of the caller's: RPOP, HSET, ZADD in one step,
-- so that there is no moment in which a message stands in no key.
-- KEYS unacked, unacked_index, then for each list in turn: list, dead list
-- ARGV tag prefix, first number, count, again (1 when the caller lost an answer), max size, deadline, then each list's queue
-- Reply: {now, tag, queue, message, tag, queue, message, ...}; the tag is '' for one put aside as unreadable.
-- {now, 'late'} after the deadline: nobody waits for the answer any more, and nobody would run what it brings.

-- What is no JSON at all must not reach `unacked`: there it would stop every Celery worker that sweeps. What is JSON for
-- cjson alone, or what Python can't read, the worker puts aside at once: nobody else looks at an entry as new as that.
-- cjson is stricter than Python with half a surrogate pair, NaN and Infinity.
local function why_unreadable(message, max_size)
  if #message > max_size then
    return #message .. ' bytes long, more than ' .. max_size .. ' are refused'
  end
  local whole = message
  if string.find(message, '\\ud', 1, true) or string.find(message, '\\uD', 1, true) then
    whole = string.gsub(whole, '\\u[dD][89a-fA-F]%x%x', '\\ufffd')
  end
  if string.find(message, 'NaN', 1, true) or string.find(message, 'Infinity', 1, true) then
    whole = string.gsub(whole, '([:,%[]%s*)NaN', '%1null')
    whole = string.gsub(whole, '([:,%[]%s*)%-?Infinity', '%1null')
  end
  local ok, value = pcall(cjson.decode, whole)
  if not (ok and type(value) == 'table') then
    return 'not a JSON message with headers and properties'
  end
end

local prefix, first, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = string.format('%d.%06d', time[1], time[2])
if tonumber(now) > tonumber(ARGV[6]) then
  return {now, 'late'}
end
local reply = {now}
local taken = 0

local function hand_out(tag, queue, message)
  reply[#reply + 1] = tag
  reply[#reply + 1] = queue
  reply[#reply + 1] = message
end

-- The raw text is kept as it came: cjson would write [] as {} and round long numbers.
-- A tag that is taken tells that this call was overtaken by its own repetition: its message goes back.
local function lease(queue, list, message)
  local tag = prefix .. (first + taken)
  if redis.call('HSETNX', KEYS[1], tag, '[' .. message .. ',"","' .. queue .. '"]') == 1 then
    redis.call('ZADD', KEYS[2], now, tag)
    hand_out(tag, queue, message)
  else
    redis.call('RPUSH', list, message)
  end
  taken = taken + 1
end

if ARGV[4] == '1' then
  for number = first, first + count - 1 do
    local entry = redis.call('HGET', KEYS[1], prefix .. number)
    if entry then
      local message, queue = string.match(entry, '^%[(.*),"","([^"]*)"%]$')
      hand_out(prefix .. number, queue, message)
      taken = number - first + 1
    end
  end
end

for i = 3, #KEYS, 2 do
  local queue = ARGV[7 + (i - 3) / 2]
  -- RPOP comes first: at `maxmemory` a script may write once it has freed something.
  local messages = taken < count and redis.call('RPOP', KEYS[i], count - taken) or {}
  for _, message in ipairs(messages) do
    local unreadable = why_unreadable(message, tonumber(ARGV[5]))
    if not unreadable then
      lease(queue, KEYS[i], message)
    else
      redis.call('LPUSH', KEYS[i + 1], cjson.encode({reason = unreadable, date = now, message = message}))
      -- As in `bury.lua`.
      redis.call('LTRIM', KEYS[i + 1], 0, 9999)
      redis.call('EXPIRE', KEYS[i + 1], 604800)
      hand_out('', queue, message)
    end
  end
end
return reply
