local m = { type = "event" }
local NAMES = { "a/1", "a/2", "a/3", "a/4" }
local function see(ctx)
  local out = {}
  for i, fqid in ipairs(NAMES) do
    out[i] = { old = ctx.old:model_exists(fqid),
      alive = ctx.new:model_not_deleted(fqid),
      will = ctx:will_exist(fqid) }
  end
  return out
end
function m.migrate_event(event, ctx)
  if event.collection == "ask" then
    event.data.three = see(ctx)
    return { event }
  elseif 3 == 2 and event.fqid == "a/2" and event.type == "create" then
    return {}
  elseif 3 == 2 and event.fqid == "a/2" then
    return {}
  elseif 3 == 3 and event.type == "create" then
    return { event, godwit.update(event.fqid, { n = ctx.migration_index }) }
  elseif 3 == 4 and event.type == "update" then
    event.data.n = ctx.new:get_model(event.fqid).v
    return { event }
  end
end
function m.additional_events(ctx)
  if 3 == 2 and ctx.position.position == 3 then
    return { godwit.create("a/4", { v = 4 }) }
  end
end
return m
