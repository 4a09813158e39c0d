-- A batch norm of bf16 numbers, whose backward pass reads those numbers again.
config {batch = 4, sentences = 5, answers = 64, precision = "bf16"}
phase("train", function(door)
  local x = op.half {door.answers * param("scale", {64}, init.one)}
  local y = op.batch_norm {x, param("bn.weight", {64}, init.one),
                           param("bn.bias", {64}, init.zero),
                           state("bn.mean", {64}, init.zero),
                           state("bn.var", {64}, init.one), train = 1}
  return {loss = (y * y):sum(1, 3):reshape {}}
end)
phase("update", {policy = "fixed", groups = {{pattern = "*", rule = "sgd", lr = 1}}})
