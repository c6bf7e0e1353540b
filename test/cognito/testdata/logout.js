// Logs a user out by AWS's SDK for JavaScript: node logout.js ENDPOINT ACCOUNT USER. The keys are in the environment.
const { ChimeClient, LogoutUserCommand } = require("@aws-sdk/client-chime");

const [endpoint, AccountId, UserId] = process.argv.slice(2);
new ChimeClient({ region: "us-east-1", endpoint }).send(new LogoutUserCommand({ AccountId, UserId }));
