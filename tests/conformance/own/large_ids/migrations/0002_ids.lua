
local m = { type = "event" }
function m.migrate_event(event, ctx)
  if event.collection == "a" then
    event.data.before = event.id - 1
  else
    event.data.ids = ctx.new:get_all_ids_for_collection("a")
    event.data.last = ctx.new:get_model("a/9223372036854775806").before
  end
  return { event }
end
return m
