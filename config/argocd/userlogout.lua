-- The health of a UserLogout in Argo CD, as in docs/gitops.md. Only what Argo CD's sandbox has: no string, os or io.
local health = {status = "Progressing", message = "the operator has not looked at it yet"}

-- Of another generation, and -1 until the operator has seen the object: whatever the conditions say, it is not of this one.
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready, stalled = conditions.Ready, conditions.Stalled
if ready == nil then
  return health
end

health.message = ready.reason .. ": " .. ready.message
if ready.status == "True" then
  health.status = "Healthy"
elseif stalled ~= nil and stalled.status == "True" then
  health.status = "Degraded" -- finished, and not logged out
elseif ready.reason == "Suspended" then
  health.status = "Suspended"
end
return health
