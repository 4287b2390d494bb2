using Custodian.Device;

// device SET_FILE TOKEN_PATTERN SOCKET: an app with the SDK, told over a Unix socket what to do, so that a test can look into it between steps.
using var told = new Orders(args[2]);
await using var app = new App(args[0], args[1]);
while (told.Next() is { } order)
{
    told.Answer(await app.ObeyAsync(order));
}
