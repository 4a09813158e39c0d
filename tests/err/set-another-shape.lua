phase("infer", function(door)
  local x = op.input {door = "x", dtype = "f32", dims = {2, 3}}
  local s = state("s", {3})
  s:set(x)
  return {y = x}
end)
