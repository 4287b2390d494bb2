using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Custodian.Client;

/// <summary>Puts a <see cref="CustodianClient"/> into a service collection.</summary>
public static class ServiceCollectionExtensions
{
    /// <summary>
    /// Adds a client as a singleton. Logger factory and time provider come from the services when they are there, and the options may
    /// change both.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="custodians">The set.</param>
    /// <param name="configure">Sets the options; <see cref="CustodianClientOptions.Token"/> is required.</param>
    public static IServiceCollection AddCustodianClient(
        this IServiceCollection services, CustodianSet custodians, Action<CustodianClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return services.AddCustodianClient(custodians, (_, options) => configure(options));
    }

    /// <inheritdoc cref="AddCustodianClient(IServiceCollection, CustodianSet, Action{CustodianClientOptions})"/>
    /// <param name="services">The services.</param>
    /// <param name="custodians">The set.</param>
    /// <param name="configure">Sets the options with other services, such as one that gives tokens.</param>
    public static IServiceCollection AddCustodianClient(
        this IServiceCollection services, CustodianSet custodians, Action<IServiceProvider, CustodianClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(custodians);
        ArgumentNullException.ThrowIfNull(configure);
        services.TryAddSingleton(provider => new CustodianClient(custodians, Options(provider, configure)));
        return services;
    }

    private static CustodianClientOptions Options(IServiceProvider provider, Action<IServiceProvider, CustodianClientOptions> configure)
    {
        CustodianClientOptions options = new();
        options.LoggerFactory = provider.GetService<ILoggerFactory>() ?? options.LoggerFactory;
        options.TimeProvider = provider.GetService<TimeProvider>() ?? options.TimeProvider;
        configure(provider, options);
        return options;
    }
}
