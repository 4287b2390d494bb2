using System.Text;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.StandIns;

public sealed class CredentialsTests
{
    private static readonly CallCredentials Call = CallCredentials.FromInterceptor((_, _) => Task.CompletedTask);

    [Fact]
    public void Compose_FewerThanTwo_Throws()
    {
        Assert.Throws<ArgumentException>(() => CallCredentials.Compose(Call));
    }

    [Fact]
    public void Create_OverInsecureOrComposed_Throws()
    {
        ChannelCredentials composed = ChannelCredentials.Create(ChannelCredentials.SecureSsl, Call);

        Assert.Throws<ArgumentException>(() => ChannelCredentials.Create(ChannelCredentials.Insecure, Call));
        Assert.Throws<ArgumentException>(() => ChannelCredentials.Create(composed, Call));
        Assert.Throws<ArgumentNullException>(() => ChannelCredentials.Create(null!, Call));
        Assert.Throws<ArgumentNullException>(() => ChannelCredentials.Create(ChannelCredentials.SecureSsl, null!));
    }

    [Fact]
    public void Configurator_OfCredentials_LearnsTheirKind()
    {
        var pair = new KeyCertificatePair("chain", "key");
        var learnt = new LearningConfigurator();

        ChannelCredentials.Insecure.InternalPopulateConfiguration(learnt, "state");
        new SslCredentials("roots", pair, _ => true).InternalPopulateConfiguration(learnt, "state");
        ChannelCredentials.Create(new SslCredentials(), Call).InternalPopulateConfiguration(learnt, "state");

        Assert.Equal(["insecure state", "ssl state roots chain key True", "composite state ssl state    False"], learnt.Lines);
    }

    [Fact]
    public void AuthContext_WithIdentity_FindsItsProperties()
    {
        var subject = AuthProperty.Create("subject", Encoding.UTF8.GetBytes("änn"));
        var other = AuthProperty.Create("other", [1]);
        var context = new AuthContext("subject", new Dictionary<string, List<AuthProperty>> { ["subject"] = [subject], ["other"] = [other] });

        Assert.True(context.IsPeerAuthenticated);
        Assert.Equal([subject], context.PeerIdentity);
        Assert.Equal([subject, other], context.Properties);
        Assert.Equal([other], context.FindPropertiesByName("other"));
        Assert.Empty(context.FindPropertiesByName("absent"));
        Assert.Equal("änn", subject.Value);
    }

    [Fact]
    public void AuthContext_WithoutIdentity_IsNotAuthenticated()
    {
        var context = new AuthContext(null, []);

        Assert.False(context.IsPeerAuthenticated);
        Assert.Empty(context.PeerIdentity);
    }

    [Fact]
    public void AuthProperty_CallersArrayChanged_KeepsItsBytes()
    {
        byte[] bytes = [1, 2];
        var property = AuthProperty.Create("name", bytes);

        bytes[0] = 9;
        property.ValueBytes[1] = 9;

        Assert.Equal([1, 2], property.ValueBytes);
    }

    private sealed class LearningConfigurator : ChannelCredentialsConfiguratorBase
    {
        public List<string> Lines { get; } = [];

        public override void SetInsecureCredentials(object? state) => Lines.Add($"insecure {state}");

        public override void SetSslCredentials(
            object? state, string? rootCertificates, KeyCertificatePair? keyCertificatePair, VerifyPeerCallback? verifyPeerCallback)
            => Lines.Add($"ssl {state} {rootCertificates} {keyCertificatePair?.CertificateChain} {keyCertificatePair?.PrivateKey} {verifyPeerCallback is not null}");

        public override void SetCompositeCredentials(object? state, ChannelCredentials channelCredentials, CallCredentials callCredentials)
        {
            var inner = new LearningConfigurator();
            channelCredentials.InternalPopulateConfiguration(inner, state);
            Assert.Same(Call, callCredentials);
            Lines.Add($"composite {state} {inner.Lines.Single()}");
        }
    }
}
