-- Layers made of simpler ops.
config {batch = 1, sentences = 3, answers = 5}
phase("infer", function(door)
  local one, zero = param("one", {5}, init.one), param("zero", {5}, init.zero)
  return {y = op.softmax {op.layer_norm {door.answers, one, zero}}}
end)
