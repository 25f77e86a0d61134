-- Channels get the number of their members. A model migration: it sees the
-- models as they are when the history is migrated, and all it returns
-- becomes one new position at the end.

local migration = { type = "model" }

-- `pairs` has no order, and what a migration makes must not depend on chance.
local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    table.insert(keys, key)
  end
  table.sort(keys)
  return keys
end

function migration.migrate_models(reader)
  local channels = reader:get_all("channel", { "user_ids" })
  local events = {}
  for _, id in ipairs(sorted_keys(channels)) do
    local fields = { member_count = #channels[id].user_ids }
    table.insert(events, godwit.update(godwit.fqid("channel", id), fields))
  end
  return events
end

return migration
