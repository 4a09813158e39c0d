-- Dense copies where strides will not do: a reshape across permuted axes, a
-- door's result that is a view.  A transposed matrix needs none.
config {batch = 3, sentences = 4, answers = 5}
phase("infer", function(door)
  local y = op.exp {door.answers}
  return {a = op.exp {y:permute {2, 1, 3}:reshape {12, 5}},
          b = y:permute {3, 2, 1},
          c = op.matmul {y, y:permute {1, 3, 2}}}
end)
