-- Channels name their members by id instead of by uid, and keep a list of
-- those whom they shut out. A model migration: it looks users up by uid, and
-- all of them must be there.

local migration = { type = "model" }

local function ids_by_uid(reader)
  local ids = {}
  for id, user in pairs(reader:get_all("user", { "uid" })) do
    ids[user.uid] = id
  end
  return ids
end

-- `pairs` has no order, and what a migration makes must not depend on chance.
local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    table.insert(keys, key)
  end
  table.sort(keys)
  return keys
end

local function ids_of(uids, ids)
  local list = godwit.array {}
  for _, uid in ipairs(uids or {}) do
    list[#list + 1] = ids[uid]
  end
  return list
end

function migration.migrate_models(reader)
  local ids = ids_by_uid(reader)
  local channels = reader:get_all("channel", { "subscribers", "denylist" })
  local events = {}
  for _, id in ipairs(sorted_keys(channels)) do
    local channel = channels[id]
    events[#events + 1] = godwit.update(godwit.fqid("channel", id), {
      member_ids = ids_of(channel.subscribers, ids),
      blocked_ids = ids_of(channel.denylist, ids),
      subscribers = channel.subscribers and godwit.null,
      denylist = channel.denylist and godwit.null,
    })
  end
  return events
end

return migration
