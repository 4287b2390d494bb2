using System.Security.Cryptography;
using System.Text;
using Custodian.Cli.Files;
using Custodian.Cli.Reporting;

namespace Custodian.Client.Tests.Cli;

public sealed class OwnerKeyFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_WhatWasWritten_IsTheSameKey()
    {
        byte[] key = RandomNumberGenerator.GetBytes(32);
        using SecretBytes ownerKey = new(key);
        using (var file = PrivateFile.Claim(_folder["owner.key"], overwrite: false))
        {
            OwnerKeyFile.Write(file, ownerKey);
        }

        using SecretBytes read = OwnerKeyFile.Read(_folder["owner.key"]);

        Assert.True(read.FixedTimeEquals(key));
        Assert.Equal($"custody-owner-key-v1 {Convert.ToBase64String(key)}\n", File.ReadAllText(_folder["owner.key"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("custody-owner-key-v1 ")]
    [InlineData("custody-owner-key-v1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==")]
    [InlineData("custody-owner-key-v1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("custody-owner-key-v1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=AAAA")]
    [InlineData("custody-owner-key-v1 !!!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("custody-owner-key-v2 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    public void Parse_OtherText_IsNoOwnerKey(string text) => Assert.Null(OwnerKeyFile.Parse(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void Parse_Mutated_IsNoOwnerKeyOrIsWrittenAsItStands()
    {
        string good = $"custody-owner-key-v1 {Convert.ToBase64String(RepeatableBytes.Of("owner", 32))}\n";
        foreach (string mutant in Mutants.OfText(good, Effort.Times(10_000, 1_000_000), "owner key file"))
        {
            using SecretBytes? key = OwnerKeyFile.Parse(Encoding.Latin1.GetBytes(mutant));
            if (key is not null)
            {
                byte[] bytes = new byte[32];
                key.CopyTo(bytes);
                Assert.Equal($"custody-owner-key-v1 {Convert.ToBase64String(bytes)}", mutant.TrimEnd('\r', '\n'));
            }
        }
    }

    /// <summary>The last character before the padding has two bits that belong to no byte.</summary>
    [Theory]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAA=")]
    public void Parse_AnotherSpellingOfTheSameKey_IsNoOwnerKey(string base64) =>
        Assert.Null(OwnerKeyFile.Parse(Encoding.ASCII.GetBytes($"custody-owner-key-v1 {base64}\n")));

    [Fact]
    public void Read_OtherFile_IsAUsageFailureThatQuotesNothing()
    {
        string path = _folder.Write("owner.key", "something private");

        var failure = Assert.Throws<CommandFailedException>(() => OwnerKeyFile.Read(path));

        Assert.Equal(ExitCode.Usage, failure.ExitCode);
        Assert.DoesNotContain("something private", failure.Message + failure.Hint, StringComparison.Ordinal);
    }
}
