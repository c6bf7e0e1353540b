-- The health of a ClusterLogoutProvider in Argo CD, as in docs/gitops.md. Only what Argo CD's sandbox has: no string, os or io.
local health = {status = "Progressing", message = "the operator has not looked at it yet"}

-- Of another generation, and -1 until the operator has seen the object: whatever the conditions say, it is not of this one.
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end

local ready
for _, condition in ipairs(obj.status.conditions or {}) do
  if condition.type == "Ready" then
    ready = condition
  end
end
if ready == nil then
  return health
end

-- Trouble of the service, while calls are held: it passes without anybody's doing, and what Git holds is in place. Were it
-- Progressing, a sync would wait for it, and the logouts of a later wave with the sync; but nothing but a logout finds out
-- that the service is well again, so the wait could go on for long after. Were it Degraded, every sync of those logouts would
-- fail, at the time when they are needed. It is seen at the logouts that wait for it, which are Progressing, and in the message.
local passing = {Throttled = true, ServiceUnavailable = true, ServiceFailure = true, EndpointUnreachable = true}

health.message = ready.reason .. ": " .. ready.message
if ready.status == "True" then
  health.status = "Healthy"
elseif passing[ready.reason] then
  health.status = "Healthy"
  health.message = "configured; calls are held: " .. health.message
else
  -- Somebody has to fix something: the endpoint, the Secret, the credentials. That is what an Issuer of cert-manager or a
  -- SecretStore of External Secrets shows as Degraded, too. A sync that waits for it fails, and does not hang.
  health.status = "Degraded"
end
return health
