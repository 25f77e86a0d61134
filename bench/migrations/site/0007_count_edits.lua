-- Counts the edits of every tenth message in the message itself.
local migration = { type = "event" }

function migration.migrate_event(event, ctx)
  if event.type ~= "update" or event.id % 10 ~= 5 then
    return
  end
  if ctx.new:model_not_deleted(event.fqid) then
    local model = ctx.new:get_model(event.fqid)
    event.data.edits = (model.edits or 0) + 1
    return { event }
  end
end

return migration
