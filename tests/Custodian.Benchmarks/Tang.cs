using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Custodian.Benchmarks;

/// <summary>
/// A server of Debian's <c>tang</c>: a folder of keys, and a process for every connection, which it has as its standard input and output.
/// </summary>
internal sealed class Tang : IDisposable
{
    private const string Program = "/usr/libexec/tangd";
    private const string KeyMaker = "/usr/libexec/tangd-keygen";

    private readonly string _request;

    private Tang(string folder)
    {
        Folder = folder;
        _request = Request(folder);
    }

    internal string Folder { get; }

    /// <summary>The command that serves one connection.</summary>
    internal string Command => $"{Program} {Folder}";

    /// <summary>Makes one with keys of its own; null where tang is missing.</summary>
    internal static Tang? Make()
    {
        if (!File.Exists(Program))
        {
            return null;
        }

        string folder = Directory.CreateTempSubdirectory("tang-").FullName;
        try
        {
            return Machine.Say(KeyMaker, folder) is null ? throw new InvalidOperationException("tangd-keygen failed") : new Tang(folder);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>One recovery call.</summary>
    internal void Recover()
    {
        if (Machine.Answer(Program, _request, Folder)?.StartsWith("HTTP/1.1 200", StringComparison.Ordinal) != true)
        {
            throw new InvalidOperationException("tangd does not answer");
        }
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    /// <summary>A point of the curve, for the server's exchange key, whose file has the name that the call has to give.</summary>
    private static string Request(string folder)
    {
        string key = Directory.EnumerateFiles(folder, "*.jwk").Single(f => (string?)JsonNode.Parse(File.ReadAllText(f))!["alg"] == "ECMR");
        using ECDsa point = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        ECPoint q = point.ExportParameters(includePrivateParameters: false).Q;
        string body = JsonSerializer.Serialize(new
        {
            alg = "ECMR", kty = "EC", crv = "P-521", x = Base64Url.EncodeToString(q.X), y = Base64Url.EncodeToString(q.Y),
        });
        return $"POST /rec/{Path.GetFileNameWithoutExtension(key)} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/jwk+json\r\n"
            + $"Content-Length: {Encoding.ASCII.GetByteCount(body)}\r\n\r\n{body}";
    }
}
