-- What recompute made twice is one again where it came into one group.
config {batch = 6, sentences = 7, answers = 5}
phase("infer", function(door)
  local c = door.answers * 2
  return {y = (op.exp {c} + op.sqrt {c}):sum(3)}
end)
