-- A message remembers what it said before its last edit, and how often it
-- was edited. Both keyframes are asked: `ctx.old` has the models as they were
-- before this migration, `ctx.new` as this migration makes them.

local migration = { type = "event" }

function migration.migrate_event(event, ctx)
  if event.collection ~= "message" or event.type ~= "update" then
    return
  end
  if event.data.content == nil then
    return
  end

  local before = ctx.old:get_model(event.fqid)
  local edited = ctx.new:get_model(event.fqid)
  event.data.previous_content = before.content
  event.data.edit_count = (edited.edit_count or 0) + 1
  return { event }
end

return migration
