-- Changes one event in ten, leaves the others as they are.
local migration = { type = "event" }

function migration.migrate_event(event)
  if event.id % 10 ~= 0 then
    return
  end
  event.data.content = event.data.body
  event.data.body = nil
  return { event }
end

return migration
