-- An update of a body keeps the one before, which it asks the model for.
local migration = { type = "event" }

function migration.migrate_event(event, ctx)
  if event.type ~= "update" or event.id % 10 ~= 0 or
      event.data.content == nil then
    return
  end
  local model = ctx.old:get_model(event.fqid)
  event.data.previous = model.content
  return { event }
end

return migration
