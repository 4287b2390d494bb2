using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Net.Client;

namespace Custodian.EndToEnd.Tests.StandIns;

/// <summary>The official, signed binaries against whichever API assemblies the build has chosen.</summary>
public sealed class OfficialBinaryTests
{
    public static TheoryData<string> OfficialAssemblies =>
        [typeof(GrpcChannel).Assembly.GetName().Name!, typeof(GrpcServiceOptions).Assembly.GetName().Name!];

    [Theory]
    [InlineData(typeof(Grpc.Core.Metadata), "Grpc.Core.Api")]
    [InlineData(typeof(ConnectivityState), "Grpc.Net.Common")]
    public void Assembly_OfTheApi_HasTheIdentityThatTheBinariesNameIt(Type type, string name)
    {
        AssemblyName identity = type.Assembly.GetName();

        Assert.Equal(name, identity.Name);
        Assert.Equal("D754F35622E28BAD", Convert.ToHexString(identity.GetPublicKeyToken()!));
        Assert.Equal(new Version(2, 0, 0, 0), identity.Version);
    }

    [Theory]
    [MemberData(nameof(OfficialAssemblies))]
    public void Binary_EveryTypeItDefines_Loads(string assemblyName)
    {
        // Loading a type checks its base, its interfaces, and that it overrides every abstract member there is.
        Assert.NotEmpty(Assembly.Load(assemblyName).GetTypes());
    }

    [Theory]
    [MemberData(nameof(OfficialAssemblies))]
    public unsafe void Binary_EveryMemberItRefersTo_Exists(string assemblyName)
    {
        var assembly = Assembly.Load(assemblyName);
        Assert.True(assembly.TryGetRawMetadata(out byte* blob, out int length));
        var reader = new MetadataReader(blob, length);
        MemberReferenceHandle[] references = [.. reader.MemberReferences.Where(reference => IsForeign(reader, reference))];

        IEnumerable<string> missing = references.Select(reference => Missing(assembly.ManifestModule, reference)).OfType<string>();

        Assert.True(references.Length > 100);
        Assert.Empty(missing);
    }

    /// <summary>Whether a member belongs to a type of another assembly, possibly one made of a generic type.</summary>
    private static bool IsForeign(MetadataReader reader, MemberReferenceHandle reference)
    {
        EntityHandle parent = reader.GetMemberReference(reference).Parent;
        if (parent.Kind == HandleKind.TypeSpecification)
        {
            BlobReader signature = reader.GetBlobReader(reader.GetTypeSpecification((TypeSpecificationHandle)parent).Signature);
            if (signature.ReadSignatureTypeCode() != SignatureTypeCode.GenericTypeInstance)
            {
                return false;
            }

            signature.ReadByte();
            parent = signature.ReadTypeHandle();
        }

        return parent.Kind == HandleKind.TypeReference;
    }

    private static string? Missing(Module module, MemberReferenceHandle reference)
    {
        // Any class will do for the type parameters in scope: the API asks no more of them.
        Type[] arguments = [.. Enumerable.Repeat(typeof(object), 8)];
        try
        {
            module.ResolveMember(MetadataTokens.GetToken(reference), arguments, arguments);
            return null;
        }
        catch (Exception exception) when (exception is MissingMemberException or TypeLoadException)
        {
            return exception.Message;
        }
    }
}
