-- x - mean costs no more to compute again than to read; its exponential does.
config {batch = 6, sentences = 7, answers = 5}
phase("infer", function(door)
  local x = op.exp {door.answers}
  local c = x - x:sum(1, 2) * (1 / 42)
  local e = op.exp {c}
  return {y = (c * c):sum(1, 2), z = e + c, w = e:sum(1, 2)}
end)
