using System.Text;

namespace Custodian.Pkcs11.Isolation.Supervision;

/// <summary>
/// What a process prints, line by line and within bounds: a module that prints without end must not fill the node's log with it, nor one
/// that prints terminal commands reach a terminal.
/// </summary>
internal sealed class LineRelay(Action<string> tell)
{
    private const int LongestLine = 500;
    private const int MostLines = 200;

    private readonly StringBuilder line = new();
    private int told;

    /// <summary>Reads until the stream ends.</summary>
    public void Run(Stream stream)
    {
        using var text = new StreamReader(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        var room = new char[1024];
        try
        {
            for (var read = text.Read(room); read > 0; read = text.Read(room))
            {
                Take(room.AsSpan(0, read));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The process is gone; what it said until then is told.
        }
        Tell();
    }

    private void Take(ReadOnlySpan<char> read)
    {
        foreach (var character in read)
        {
            if (character == '\n')
            {
                Tell();
            }
            else if (line.Length < LongestLine)
            {
                line.Append(char.IsControl(character) ? ' ' : character);
            }
        }
    }

    private void Tell()
    {
        var said = line.ToString().Trim();
        line.Clear();
        if (said.Length == 0 || told > MostLines)
        {
            return;
        }
        tell(told++ < MostLines ? said : "it goes on, and is not listened to any more");
    }
}
