local m = { type = "event" }
function m.migrate_event(event, ctx)
  if ctx.position.position == 3 then error("half-way trouble") end
  if event.type == "update" then
    event.data.sum = (ctx.new:get_model(event.fqid).sum or 0) + 1
    return { event }
  end
end
return m
