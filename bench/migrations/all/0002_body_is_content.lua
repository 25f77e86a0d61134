-- Rewrites every event.
local migration = { type = "event" }

function migration.migrate_event(event)
  event.data.content = event.data.body
  event.data.body = nil
  return { event }
end

return migration
