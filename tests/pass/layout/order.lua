-- A product that is only read permuted is written in that order; it keeps what
-- else it was told.
config {batch = 6, sentences = 7, answers = 5}
phase("infer", function(door)
  local v = door.answers:reshape {2, 3, 7, 5}
  local p = op.matmul {v, op.exp {v:permute {1, 2, 4, 3}}}
  return {y = op.exp {op.matmul {p, v, exact = 1}:permute {1, 3, 2, 4}:reshape {2, 7, 15}}}
end)
