-- The backward pass of a layer: products with the other operand, sums over
-- what was repeated, stores into gradients; nothing for what is frozen.
config {batch = 1, sentences = 3, answers = 5}
phase("train", function(door)
  local w, b = param("w", {2, 5}, init.one), param("b", {2}, init.zero)
  local scale = param("scale", {2}, init.one, {trainable = false})
  local y = op.relu {op.linear {door.answers, w, b} * scale}
  return {loss = y:sum(1, 3):reshape {}}
end)
phase("update", {policy = "fixed", groups = {{pattern = "*", rule = "sgd", lr = 1}}})
