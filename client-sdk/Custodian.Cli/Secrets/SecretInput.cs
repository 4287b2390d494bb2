using Custodian.Cli.Reporting;

namespace Custodian.Cli.Secrets;

/// <summary>Where a command's secrets come from: the terminal, or standard input with <c>--secret-stdin</c>.</summary>
internal sealed class SecretInput(Surroundings surroundings, bool fromStandardInput)
{
    private const string Instead = "run it in a terminal, or pass the secret with --secret-stdin";

    /// <summary>Whether standard input holds the secret.</summary>
    internal bool IsStandardInput => fromStandardInput;

    /// <summary>The secret of a record that exists.</summary>
    /// <exception cref="CommandFailedException">It cannot be read, or is empty.</exception>
    internal async Task<SecretText> AskAsync(string question, CancellationToken cancellation)
    {
        if (fromStandardInput)
        {
            return (await SecretLines.ReadAsync(surroundings.Input, 1, cancellation))[0];
        }

        using Terminal terminal = Terminal.Open(surroundings.TerminalPath, Instead);
        return await terminal.AskSecretAsync(question, cancellation);
    }

    /// <summary>A new secret: asked twice on a terminal, once on standard input.</summary>
    /// <exception cref="CommandFailedException">It cannot be read, is empty, or the two differ.</exception>
    internal async Task<SecretText> AskNewAsync(string question, CancellationToken cancellation)
    {
        if (fromStandardInput)
        {
            return await AskAsync(question, cancellation);
        }

        using Terminal terminal = Terminal.Open(surroundings.TerminalPath, Instead);
        return await AskTwiceAsync(terminal, question, cancellation);
    }

    /// <summary>The old secret and the new one: on standard input the lines 1 and 2.</summary>
    /// <exception cref="CommandFailedException">One cannot be read, is empty, or the two new ones differ.</exception>
    internal async Task<(SecretText Old, SecretText New)> AskOldAndNewAsync(
        string oldQuestion, string newQuestion, CancellationToken cancellation)
    {
        if (fromStandardInput)
        {
            return await SecretLines.ReadAsync(surroundings.Input, 2, cancellation) is [var first, var second]
                ? (first, second)
                : throw new InvalidOperationException("two lines were asked for");
        }

        using Terminal terminal = Terminal.Open(surroundings.TerminalPath, Instead);
        SecretText old = await terminal.AskSecretAsync(oldQuestion, cancellation);
        try
        {
            return (old, await AskTwiceAsync(terminal, newQuestion, cancellation));
        }
        catch
        {
            old.Dispose();
            throw;
        }
    }

    private static async Task<SecretText> AskTwiceAsync(Terminal terminal, string question, CancellationToken cancellation)
    {
        SecretText secret = await terminal.AskSecretAsync(question, cancellation);
        try
        {
            using SecretText again = await terminal.AskSecretAsync("once more", cancellation);
            return secret.FixedTimeEquals(again)
                ? secret
                : throw CommandFailedException.Usage("the two secrets differ", "nothing was sent; start again");
        }
        catch
        {
            secret.Dispose();
            throw;
        }
    }
}
