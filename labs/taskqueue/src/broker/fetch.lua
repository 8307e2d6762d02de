-- Hands out up to `count` messages, each under a tag of the caller's: RPOP, HSET, ZADD in one step,
-- so that there is no moment in which a message stands in no key.
-- KEYS unacked, unacked_index, then for each list in turn: list, dead list
-- ARGV tag prefix, first number, count, again (1 when the caller lost an answer), max size, deadline, then each list's queue
-- Reply: {now, tag, queue, message, tag, queue, message, ...}; the tag is '' for one put aside as unreadable.
-- {now, 'late'} after the deadline: nobody waits for the answer any more, and nobody would run what it brings.

-- Whether Python can read a message as well. What it can't read must not reach `unacked`: there it would stop every
-- Celery worker that sweeps.
-- cjson is stricter than Python with half a surrogate pair (and with NaN, where it is told so), and laxer elsewhere.

-- Numbers and words as Python takes them, and no control character in a text. The texts are most of a message and are
-- cut out first: a pattern is tried at each letter, and Redis serves nobody meanwhile.
local words = {['true'] = 1, ['false'] = 1, null = 1, NaN = 1, Infinity = 1, ['-Infinity'] = 1}
local function is_pythons(message)
  if string.find(message, '\\', 1, true) then
    message = string.gsub(message, '\\.', '')
  end
  local bare = string.gsub(message, '"[^"]*"', '')
  for word in string.gmatch(bare, '[^%s%[%]{}:,]+') do
    local number = words[word] or string.find(word, '^%-?%d[%d.eE+-]*$') and not string.find(word, '^%-?0%d')
      and not string.find(word, '%.%D') and not string.find(word, '%.$') and #word < 4000
    if not number then
      return false
    end
  end
  return true
end

-- A search for one letter is quick, and a class of letters is not.
local function has_control(message)
  for code = 0, 31 do
    if string.find(message, string.char(code), 1, true) then
      return true
    end
  end
end

local function has_control_in_text(message)
  if not has_control(message) then
    return false
  end
  for text in string.gmatch(string.gsub(message, '\\.', ''), '"[^"]*"') do
    if string.find(text, '[%z\1-\31]') then
      return true
    end
  end
  return false
end

-- kombu's tagged values: what it does not know, it does not read.
local texts = {bytes = '', base64 = '^[%w+/]*=*$', datetime = '^%d%d%d%d%-%d%d%-%d%d', date = '^%d%d%d%d%-%d%d%-%d%d$',
  time = '^%d%d:%d%d', decimal = '^[+-]?%d+%.?%d*$'}
local function is_known(kind, value)
  if kind == 'uuid' then
    return type(value) == 'table' and type(value.hex) == 'string' and #value.hex == 32 and not string.find(value.hex, '%X')
  end
  return texts[kind] ~= nil and type(value) == 'string' and string.find(value, texts[kind]) ~= nil
end

-- Python's limit is about a thousand levels; nobody needs a hundred.
local function is_plain(value, levels)
  if type(value) ~= 'table' then
    return true
  end
  local names = 0
  local name, inner = next(value)
  while name ~= nil do
    names = names + 1
    if levels == 0 or not is_plain(inner, levels - 1) then
      return false
    end
    name, inner = next(value, name)
  end
  local tagged = names == 2 and value.__type__ ~= nil and value.__value__ ~= nil
  return not tagged or is_known(value.__type__, value.__value__)
end

local function why_unreadable(message, max_size)
  if #message > max_size then
    return #message .. ' bytes long, more than ' .. max_size .. ' are refused'
  end
  local whole = message
  if string.find(message, '\\u[dD]') then
    whole = string.gsub(message, '\\u[dD][89a-fA-F]%x%x', '\\ufffd')
  end
  if string.find(message, 'NaN', 1, true) or string.find(message, 'Infinity', 1, true) then
    whole = string.gsub(whole, '([:,%[]%s*)NaN', '%1null')
    whole = string.gsub(whole, '([:,%[]%s*)%-?Infinity', '%1null')
  end
  local ok, value = pcall(cjson.decode, whole)
  if not (ok and type(value) == 'table' and is_plain(value, 100) and is_pythons(message))
    or has_control_in_text(message) then
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
