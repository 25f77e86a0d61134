-- Topics get a sequential number: 1, 2, 3, … within their meeting.

local migration = { type = "event" }

-- The highest number given so far, by meeting. A local variable lives for
-- one run of the command: it is read from the new keyframe when the run
-- meets its first new topic, and counted on from there.
local highest

local function numbers_given(ctx)
  local numbers = {}
  for _, id in ipairs(ctx.new:get_all_ids_for_collection("topic")) do
    local topic = ctx.new:get_model(godwit.fqid("topic", id))
    local meeting = topic.meeting_id
    numbers[meeting] = math.max(numbers[meeting] or 0, topic.sequential_number)
  end
  return numbers
end

function migration.migrate_event(event, ctx)
  if event.collection ~= "topic" or event.type ~= "create" then
    return -- nothing: the event stays as it is
  end

  highest = highest or numbers_given(ctx)
  local meeting = event.data.meeting_id
  highest[meeting] = (highest[meeting] or 0) + 1
  event.data.sequential_number = highest[meeting]
  return { event }
end

return migration
