package Onair::LLHLS;

# Checks a low-latency HLS stream from outside, as a player that follows all
# its renditions at once, against the rules of rfc8216bis and of this origin.
#
#   my $result = Onair::LLHLS::check($multivariant_url, $seconds, %options);
#
# {violations} is a list of { rule, where, text }; {renditions} tells by path
# how many parts, segments and reloads were checked.  Options:
#   allow_gap   the publisher may go and come back meanwhile
#   allow_end   the stream may end meanwhile
#   allow_late  renditions may begin, or have begun, behind the session
#   no_probes   no requests beside those of a player

use strict;
use warnings;

use File::Temp ();
use Storable ();
use Time::HiRes qw(sleep time);

use Onair::LLHLS::Follower;
use Onair::LLHLS::HTTP;
use Onair::LLHLS::Playlist;
use Onair::LLHLS::Responses;
use Onair::LLHLS::Rules;


sub check {
    my ($url, $seconds, %options) = @_;

    my ($host, $port, $path) = Onair::LLHLS::HTTP::split_url($url);
    my $until = time() + $seconds;
    my $client = Onair::LLHLS::HTTP->new($host, $port);
    my $r = wait_for_multivariant($client, $path, $until);

    return { renditions => {}, violations => [ {
             rule => 'the_multivariant_playlist_is_there', where => $path,
             text => "status $r->{status}" } ] } if $r->{status} != 200;

    my @paths = rendition_paths($path,
                                Onair::LLHLS::Playlist::parse($r->{body}));
    my %renditions = follow_all(\@paths, host => $host, port => $port,
                                until => $until, options => \%options);

    my @violations = map { @{ $_->{violations} // [] } } values %renditions;

    # the newest figures of the renditions, which may be shown a second late
    sleep 1.2;
    my $last = $client->get($path);

    push @violations, check_together($path, $last->{status} == 200 ? $last : $r,
                                     \%renditions);

    return { violations => \@violations, renditions => \%renditions };
}


sub wait_for_multivariant {
    my ($client, $path, $until) = @_;

    while (1) {
        my $r = $client->get($path);
        return $r if $r->{status} == 200 || time() > $until;
        sleep 0.2;
    }
}


sub rendition_paths {
    my ($base, $p) = @_;

    my %paths = map { Onair::LLHLS::HTTP::resolve($base, $_) => 1 }
                grep { defined } (map { $_->{URI} } @{ $p->{media} }),
                                 map { $_->{uri} } @{ $p->{variants} };

    return sort keys %paths;
}


# One process for each rendition, which leaves its result in a file.
sub follow_all {
    my ($paths, %f) = @_;

    my $dir = File::Temp->newdir;
    my $options = delete $f{options};
    my (%children, %results);

    for my $path (@$paths) {
        my @others = grep { $_ ne $path } @$paths;
        my $file = "$dir/" . keys %children;
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            follow($file, %f, %$options, path => $path, others => \@others,
                   probes => !$options->{no_probes});
        }

        $children{$pid} = [$path, $file];
    }

    for my $pid (keys %children) {
        waitpid $pid, 0;
        my ($path, $file) = @{ $children{$pid} };
        $results{$path} = eval { Storable::retrieve($file) } // {
            path => $path, violations => [ { rule => 'the_check_itself',
            where => $path, text => "its process ended with $?" } ] };
    }

    return %results;
}


sub follow {
    my ($file, %f) = @_;

    my $follower = Onair::LLHLS::Follower->new(%f);

    eval { $follower->run; 1 }
        or $follower->violation('the_check_itself', "died: $@");
    Storable::nstore($follower->summary, $file);

    # no destructor or END block of the process that forked
    require POSIX;
    POSIX::_exit(0);
}


# What only all renditions together, or their parent, can show.
sub check_together {
    my ($path, $r, $renditions) = @_;

    my $p = Onair::LLHLS::Playlist::parse($r->{body});
    my %known = map { $_ => $renditions->{$_} }
                grep { $renditions->{$_}{target_duration} } keys %$renditions;
    my ($target) = map { $_->{target_duration} } values %known;

    return Onair::LLHLS::Rules::apply(\%Onair::LLHLS::Rules::MULTIVARIANT,
               { p => $p, where => $path }),
           Onair::LLHLS::Rules::apply(\%Onair::LLHLS::Responses::RESPONSE,
               { response => $r, kind => 'multivariant', where => $path,
                 target_duration => $target // 2 }),
           Onair::LLHLS::Rules::apply(\%Onair::LLHLS::Rules::PRESENTATION,
               { multivariant => $p, path => $path, where => $path,
                 renditions => \%known,
                 slack => 3 * ($target // 2) });    # a busy machine's delays
}


sub text {
    my ($violation) = @_;

    return "$violation->{rule}: $violation->{text} ($violation->{where})";
}


1;
