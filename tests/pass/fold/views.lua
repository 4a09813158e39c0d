-- Chains of views become one view or none.
phase("infer", function()
  local x = param("x", {2, 3, 5}, init.one)
  return {a = op.exp {x:reshape {6, 5}:reshape {2, 15}},
          b = op.exp {x:permute {2, 3, 1}:permute {3, 1, 2}},
          c = op.exp {x:permute {2, 1, 3}:permute {1, 3, 2}:broadcast {3, 5, 2}}}
end)
