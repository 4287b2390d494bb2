using Custodian.Protocol;

namespace Custodian.Node.Api.Requests;

/// <summary>A request turned into a call on one account, or the first field that is outside its form.</summary>
/// <typeparam name="T">The call.</typeparam>
internal sealed record Parsed<T>
    where T : class
{
    private Parsed(SetId set, AccountId account, T? call, FieldFault? fault) => (Set, Account, Call, Fault) = (set, account, call, fault);

    /// <summary>The set that the request is for.</summary>
    internal SetId Set { get; }

    /// <summary>The caller's account at that set.</summary>
    internal AccountId Account { get; }

    /// <summary>The call; null exactly when there is a fault.</summary>
    internal T? Call { get; }

    /// <summary>The field and what it should be, or null.</summary>
    internal FieldFault? Fault { get; }

    internal static Parsed<T> As(SetId set, AccountId account, T call) => new(set, account, call, null);

    internal static Parsed<T> Faulty(FieldFault fault) => new(default, default, null, fault);
}
