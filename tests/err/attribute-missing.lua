phase("infer", function(door)
  local x = op.input {door = "x", dtype = "f32", dims = {2, 3}}
  return {y = op.dropout {x, p = 0.1}}
end)
