local c = config {batch = 2, sentences = 1}
phase("infer", function(door)
  return {y = op.float {door.tokens}}
end)
