-- options: --set batch=1
phase("infer", function(door)
  local x = op.input {door = "x", dtype = "f32", dims = {2, 3}}
  return {y = x + 1}
end)
