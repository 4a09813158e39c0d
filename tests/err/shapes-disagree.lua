phase("infer", function(door)
  local x = op.input {door = "x", dtype = "f32", dims = {4, 768}}
  local m = op.input {door = "m", dtype = "f32", dims = {4, 512}}
  return {y = x + m}
end)
