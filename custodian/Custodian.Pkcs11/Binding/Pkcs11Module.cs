using System.Runtime.InteropServices;
using System.Text;

namespace Custodian.Pkcs11.Binding;

/// <summary>
/// A loaded and initialised module. A module has one state per process, so everyone who asks for the same path shares one instance,
/// initialised with the first and finalised with the last. Everyone joins its own threads before letting go: a module that is
/// finalised during a call takes the process down.
/// </summary>
internal sealed unsafe class Pkcs11Module : IDisposable
{
    private static readonly Dictionary<string, Pkcs11Module> Loaded = [];
    private static readonly Lock Registry = new();

    private readonly string path;
    private readonly bool finalizes;
    private int users = 1;

    private Pkcs11Module(string path, string? parameters)
    {
        this.path = path;
        Functions = new FunctionTable(EntryPoint(path));
        finalizes = Initialize(parameters);
    }

    public FunctionTable Functions { get; }

    /// <summary>Loads and initialises a module, or joins those who did. Dispose lets go of it.</summary>
    /// <exception cref="PlatformNotSupportedException">Not 64-bit Linux: CK_ULONG has another size, structures another layout.</exception>
    /// <exception cref="HsmException">The module does not load or does not initialise.</exception>
    public static Pkcs11Module Acquire(string path, string? parameters = null)
    {
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess)
        {
            throw new PlatformNotSupportedException("PKCS#11 modules are supported on 64-bit Linux only.");
        }
        lock (Registry)
        {
            if (Loaded.TryGetValue(path, out var module))
            {
                module.users++;
                return module;
            }
            return Loaded[path] = new Pkcs11Module(path, parameters);
        }
    }

    /// <summary>Lets go of the module. Once per <see cref="Acquire"/>, with no session of the caller left.</summary>
    public void Dispose()
    {
        lock (Registry)
        {
            if (--users > 0)
            {
                return;
            }
            Loaded.Remove(path);
            if (finalizes)
            {
                _ = Functions.Finalize(null);
            }
        }
    }

    /// <summary>Every slot that holds a token, initialised or not.</summary>
    public List<Slot> Slots()
    {
        var slots = new List<Slot>();
        foreach (var id in SlotIds())
        {
            CkTokenInfo token;
            if (Functions.GetTokenInfo(id, &token) == ReturnValue.Ok)
            {
                slots.Add(Slot.Read(id, &token));
            }
        }
        return slots;
    }

    /// <summary>What a slot's token says of itself and of its PIN at this moment: CKF_*.</summary>
    /// <exception cref="HsmException">It says nothing.</exception>
    public nuint FlagsOf(Slot slot)
    {
        CkTokenInfo token;
        Check(Functions.GetTokenInfo(slot.Id, &token), "C_GetTokenInfo");
        return token.Flags;
    }

    /// <summary>The one initialised token of that label, serial number, or both.</summary>
    /// <exception cref="HsmException">There is none, or more than one.</exception>
    public Slot FindSlot(string? label, string? serial)
    {
        var matches = Slots().FindAll(slot => slot.Matches(label, serial));
        return matches.Count switch
        {
            1 => matches[0],
            0 => throw Setup("The module shows no initialised token of that label and serial number."),
            _ => throw Setup($"{matches.Count} tokens carry that label; name the one to use by its serial number."),
        };
    }

    public HashSet<nuint> Mechanisms(Slot slot)
    {
        nuint count = 0;
        Check(Functions.GetMechanismList(slot.Id, null, &count), "C_GetMechanismList");
        var list = new nuint[(int)count];
        fixed (nuint* pointer = list)
        {
            Check(Functions.GetMechanismList(slot.Id, pointer, &count), "C_GetMechanismList");
        }
        return [.. list.AsSpan(0, (int)count)];
    }

    /// <summary>Initialises a token; whatever it held is gone. Its slot gets another id with the module's next initialisation.</summary>
    public void InitializeToken(Slot slot, ReadOnlySpan<byte> securityOfficerPin, string label)
    {
        var padded = stackalloc byte[32];
        new Span<byte>(padded, 32).Fill((byte)' ');
        Encoding.UTF8.GetBytes(label, new Span<byte>(padded, 32));
        fixed (byte* pin = securityOfficerPin)
        {
            Check(Functions.InitToken(slot.Id, pin, (nuint)securityOfficerPin.Length, padded), "C_InitToken");
        }
    }

    public Pkcs11Session OpenSession(Slot slot, bool readWrite = false)
    {
        nuint session;
        var flags = Ckf.SerialSession | (readWrite ? Ckf.RwSession : 0);
        Check(Functions.OpenSession(slot.Id, flags, null, null, &session), "C_OpenSession");
        return new Pkcs11Session(Functions, session);
    }

    private static nint EntryPoint(string path)
    {
        try
        {
            return NativeLibrary.GetExport(NativeLibrary.Load(path), "C_GetFunctionList");
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException or EntryPointNotFoundException)
        {
            throw new HsmException(HsmErrorClass.Fatal, 0, "dlopen", $"The PKCS#11 module {path} does not load.", e);
        }
    }

    // Without CKF_OS_LOCKING_OK, two threads in SoftHSM end in garbage or SIGSEGV.
    private bool Initialize(string? parameters)
    {
        var text = parameters is null ? null : Encoding.UTF8.GetBytes(parameters + "\0");
        fixed (byte* library = text)
        {
            var arguments = new CkInitializeArgs { Flags = Ckf.OsLockingOk, LibraryParameters = library };
            var rv = Functions.Initialize(&arguments);
            if (rv == ReturnValue.CryptokiAlreadyInitialized)
            {
                return false;
            }
            Check(rv, "C_Initialize");
            return true;
        }
    }

    private nuint[] SlotIds()
    {
        nuint count = 0;
        Check(Functions.GetSlotList(1, null, &count), "C_GetSlotList");
        var ids = new nuint[(int)count];
        fixed (nuint* pointer = ids)
        {
            Check(Functions.GetSlotList(1, pointer, &count), "C_GetSlotList");
        }
        return ids[..(int)count];
    }

    private static HsmException Setup(string message) => new(HsmErrorClass.Fatal, 0, "C_GetSlotList", message);

    // None of these calls takes input that could be bad, so a failure without a reason is the module's.
    private static void Check(nuint rv, string function)
    {
        if (rv != ReturnValue.Ok)
        {
            throw ReturnValue.Failure(rv, function).OfTheModule();
        }
    }
}
