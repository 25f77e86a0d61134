local m = { type = "event" }
function m.migrate_event(event, ctx)
  if event.type == "update" then
    event.data.old = ctx.old:get_model(event.fqid).v
    return { event }
  end
end
return m
