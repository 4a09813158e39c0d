local function f(x) error("x must be even", 2) end
phase("infer", function(door)
  f(1)
end)
