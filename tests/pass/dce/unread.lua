-- What nobody reads goes; what writes a tensor stays, with all it needs.
config {batch = 1, sentences = 1, answers = 3}
phase("infer", function(door)
  local x = door.answers:reshape {3}
  local s = state("s", {3}, init.zero)
  local _, unread = s:set(s + op.exp {x}), op.log {x} * s
  return {y = x * 2}
end)
