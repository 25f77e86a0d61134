-- A message's payload is base64 of what its sender's program made of it. Where
-- that is an object with a text in "content", as in most chat programs, the
-- message gets the text itself; any other payload stays as it is.

local migration = { type = "event" }

local VALUES = {}
for value, char in ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" ..
                    "0123456789+/"):gmatch("()(.)") do
  VALUES[char:byte()] = value - 1
end

-- Nil when it is no base64.
local function decode(text)
  local bytes, bits, count = {}, 0, 0
  for i = 1, #text do
    local value = VALUES[text:byte(i)]
    if value then
      bits = (bits << 6 | value) & 0xffffff
      count = count + 6
      if count >= 8 then
        count = count - 8
        bytes[#bytes + 1] = string.char(bits >> count & 0xff)
      end
    elseif text:sub(i, i) ~= "=" then
      return nil
    end
  end
  return table.concat(bytes)
end

-- The text that a payload says; nil when it is of another kind.
local function text_of(payload)
  local bytes = decode(payload)
  local ok, object = pcall(godwit.json.decode, bytes or "")
  if ok and type(object) == "table" and type(object.content) == "string" then
    return object.content
  end
end

function migration.migrate_event(event)
  if event.collection ~= "message" or event.type ~= "create" then
    return
  end
  local text = event.data.payload and text_of(event.data.payload)
  if not text then
    return
  end
  event.data.payload = nil
  event.data.text = text
  return { event }
end

return migration
