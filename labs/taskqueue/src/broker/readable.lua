-- Whether Python can read a message as well. What it can't read must not reach `unacked`: there it would stop every
-- Celery worker that sweeps. This stands before `fetch.lua`, in the same script.
-- cjson is stricter than Python with half a surrogate pair (and with NaN, where it is told so), and laxer elsewhere.

-- Numbers and words as Python takes them, and no control character in a text.
local function is_pythons(message)
  local odd = string.find(message, '[%z\1-\31]') or string.find(message, '[:,%[]%s*%-?0[%dxX]')
    or string.find(message, '[:,%[]%s*%-?[+iIN]') or string.find(message, '[:,%[]%s*%-?n[^u]')
    or string.find(message, '%d%.%D') or (#message > 4000 and string.find(message, string.rep('%d', 99)))
  if not odd then
    return true
  end
  local bare = string.gsub(message, '\\.', '')
  for text in string.gmatch(bare, '"[^"]*"') do
    if string.find(text, '[%z\1-\31]') then
      return false
    end
  end
  bare = string.gsub(bare, '"[^"]*"', '')
  local words = {['true'] = 1, ['false'] = 1, null = 1, NaN = 1, Infinity = 1, ['-Infinity'] = 1}
  for word in string.gmatch(bare, '[^%s%[%]{}:,]+') do
    local number = string.find(word, '^%-?%d[%d.eE+-]*$') and not string.find(word, '^%-?0%d')
      and not string.find(word, '%.%D') and not string.find(word, '%.$') and #word < 4000
    if not number and not words[word] then
      return false
    end
  end
  return true
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
  if not (ok and type(value) == 'table' and is_plain(value, 100) and is_pythons(message)) then
    return 'not a JSON message with headers and properties'
  end
end

