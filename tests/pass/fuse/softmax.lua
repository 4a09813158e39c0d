-- A softmax with its scale, bias and dropout is one row group; the maximum of
-- another axis is none of it.
config {batch = 1, sentences = 3, answers = 7}
phase("infer", function(door)
  local p = op.softmax {door.answers * 0.125 + param("bias", {7}, init.zero)}
  return {y = op.dropout {p, p = 0.5, site = "s"}, z = p:sum(2)}
end)
